"""Training: losses, batches, the step, and the loop around it."""
