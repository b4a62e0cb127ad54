"""What is decided about a model after its training: gate, registration, approval, rollout."""
