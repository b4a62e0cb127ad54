"""One object of the cluster: its kind, its identity, what it says about itself, and how it is written."""
