"""Models of other houses on the fused ops: how each family's blocks are recognised, and what runs in their place."""
