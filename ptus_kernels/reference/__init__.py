"""Every op in plain PyTorch: the definition kernels are tested against, and what runs where they are missing."""
