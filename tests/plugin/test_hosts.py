"""Other people's repositories, with habits that break ordinary plugins."""

ONE = ("--physcheck-structures=H2O", "--physcheck-checks=jacobian_asymmetry")


def test_without_a_model_nothing_heavy_is_imported(pytester):
    pytester.makepyfile(
        conftest="""
        import sys

        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("numpy", "ase", "torch", "scipy"):
                    raise AssertionError(f"{name} is imported")

        sys.meta_path.insert(0, Refuse())
        """,
        test_own="""
        import sys

        def test_own():
            assert "physcheck.plugin.hooks" in sys.modules
            assert not {"numpy", "ase", "torch", "hypothesis"} & set(sys.modules)
        """,
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:hypothesispytest", "-p", "no:_hypothesis_pytestplugin"
    )
    result.assert_outcomes(passed=1)
    assert "physcheck:" not in result.stdout.str()


def test_a_host_with_its_own_model_option_and_strict_habits(subject):
    pytester = subject.pytester
    pytester.makepyfile(
        conftest="""
        import pytest

        def pytest_addoption(parser):
            parser.addoption("--model", default=None)

        @pytest.fixture(autouse=True)
        def needs_a_function(request):
            request.function.__name__
            yield

        @pytest.fixture(autouse=True, scope="module")
        def needs_a_module(request):
            request.module.__name__
            yield
        """,
        test_own="""
        def test_own(request):
            assert request.config.getoption("model") == "resnet"
        """,
    )
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\npython_files = test_*.py laws.py\n"
        "python_functions = *_own\n"
        "addopts = --doctest-modules --strict-markers --ignore=subject.py\nxfail_strict = true\n"
    )
    result = subject.run("--model=resnet", *ONE, suite=False, process=True)
    assert result.ret == 0
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["physcheck: --model is an option of this repository*"])
    assert len(subject.report()["records"]) == 1
    result = pytester.runpytest_subprocess("--model=resnet")
    result.assert_outcomes(passed=1)


def test_the_suite_joins_the_hosts_tests_unless_paths_are_given(subject):
    subject.pytester.makepyfile(test_own="def test_own():\n    pass\n")
    subject.run(*ONE, "-n1", suite=False).assert_outcomes(passed=2)
    assert subject.report()["settings"]["only"] is False
    subject.run(*ONE, "--physcheck-only", suite=False).assert_outcomes(passed=1)
    result = subject.run(*ONE, "test_own.py", suite=False)
    result.assert_outcomes(passed=1)
    assert result.ret == 0


def test_options_of_an_ini_file(subject):
    subject.pytester.makeini(
        "[pytest]\nphyscheck_model = subject.py\nphyscheck_only = true\n"
        "physcheck_structures = H2O\n"
        "physcheck_checks = jacobian_asymmetry\nphyscheck_seed = 7\nphyscheck_json = out.json\n"
        "physcheck_profile = tight\n"
    )
    result = subject.run("--physcheck-profile=screening", suite=False, factory=None, json_name=None)
    assert result.ret == 0
    settings = subject.report()["settings"]
    assert settings["seed"] == 7
    assert settings["profile"] == "screening"
    assert len(subject.report()["records"]) == 1


def test_fixture_and_parametrised_checks(subject):
    subject.pytester.makepyfile(
        test_own="""
        import physcheck
        import pytest
        from ase.build import molecule
        from ase.calculators.emt import EMT
        from subject import Broken

        @pytest.fixture(scope="module", params=[EMT, Broken])
        def physcheck_model(request):
            return request.param()

        @physcheck.parametrize_checks(atoms=[molecule("H2O")], checks="jacobian*")
        def test_physics(physcheck_model, physcheck_case):
            physcheck_case(physcheck_model)
        """,
        test_theirs="""
        def test_model(physcheck_model):
            assert physcheck_model.capabilities.outputs >= {"energy", "forces"}
        """,
    )
    result = subject.run("test_own.py", suite=False, factory=None, process=True)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*FAIL  jacobian_asymmetry [[]H2O[]]*"])
    assert sorted(r["verdict"] for r in subject.report()["records"]) == ["fail", "pass"]
    options = ("--physcheck-seed=5", "--physcheck-profile=tight", "--physcheck-budget=8000")
    subject.run("test_own.py", *options, suite=False, factory=None)
    for record in subject.report()["records"]:
        words = "--physcheck-profile=tight --physcheck-budget=8000 --physcheck-seed=5"
        assert record["rerun"].endswith(f"' {words}")
    subject.run("test_theirs.py", suite=False).assert_outcomes(passed=1)
    subject.run("test_theirs.py", suite=False, factory=None).assert_outcomes(skipped=1)


def test_markers_select(subject):
    result = subject.run(
        "--physcheck-structures=H2O", "-m", "physcheck_practice", "--strict-markers",
        "--collect-only", "-q",
    )  # fmt: skip
    assert result.ret == 0
    result.stdout.fnmatch_lines(["physcheck/suite/laws.py::net_torque[[]H2O[]]"])
    result.stdout.no_fnmatch_line("*loop_work*")
    result = subject.run(
        "--physcheck-structures=H2O", "-m", "physcheck_law", "--collect-only", "-q"
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["physcheck/suite/laws.py::loop_work[[]H2O[]]"])


def test_structures_that_only_the_hosts_tests_have_may_be_listed(subject):
    pytester = subject.pytester
    pytester.makepyfile(
        conftest="""
        import pytest
        from subject import Broken

        @pytest.fixture
        def physcheck_model():
            return Broken()
        """,
        test_physics="""
        import physcheck
        from ase.build import molecule

        @physcheck.parametrize_checks(atoms={"my water": molecule("H2O")}, checks="jacobian*")
        def test_physics(physcheck_model, physcheck_case):
            physcheck_case(physcheck_model)
        """,
        test_other="def test_other():\n    pass\n",
    )
    pytester.makeini("[pytest]\nphyscheck_known_failures = known.toml\n")
    entry = (
        '[[known_failure]]\ncheck = "jacobian_asymmetry"\nstructure = "my water"\n'
        'reason = "a curl"\n'
    )
    (pytester.path / "known.toml").write_text(entry)
    result = subject.run(suite=False, factory=None)
    assert result.ret == 0
    (record,) = subject.report()["records"]
    assert (record["verdict"], record["reason"]) == ("known_failure", "a curl")
    (pytester.path / "known.toml").write_text(entry.replace("my water", "my watre"))
    text = "*no structure is called 'my watre'; did you mean my water?"
    result = subject.run("-k", "other", suite=False, factory=None)
    assert result.ret == 4
    result.stderr.fnmatch_lines([text])
    result = subject.run("-n1", suite=False, factory=None)
    assert result.ret == 4
    result.stdout.fnmatch_lines([text])
    # Some of the tests, or the suite alone, say nothing of the structures of the others.
    assert subject.run("test_other.py", suite=False, factory=None).ret == 0
    assert subject.run(*ONE).ret == 0
    assert subject.run(*ONE, "--physcheck-only", suite=False).ret == 0
    assert subject.run(*ONE, "--physcheck-known-failures=known.toml").ret == 4
