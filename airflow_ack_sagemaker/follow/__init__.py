"""List and watch: what is there, and what changes."""
