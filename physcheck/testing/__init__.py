"""For authors of adapters: the contract between physcheck and a model, as tests to run."""

from physcheck.testing.adapter_contract import (
    ContractBroken,
    ContractResult,
    check_adapter,
    contract_rules,
)

__all__ = ["ContractBroken", "ContractResult", "check_adapter", "contract_rules"]
