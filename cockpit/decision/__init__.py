"""The rollback decision: signals, their statistics, and the tree that weighs them."""
