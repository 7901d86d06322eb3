"""The file that pytest finds; its items are made from the plan, so there is nothing in it."""
