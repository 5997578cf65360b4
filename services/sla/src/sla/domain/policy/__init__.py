"""A desk's policy, compiled: metrics, targets, conditions, and what each type of fact does."""
