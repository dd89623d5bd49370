"""Every op in plain PyTorch: the definition that the kernels are tested against, and what runs where they are missing."""
