"""Every op in Triton. Imported only where it is to run: `ptus_kernels.triton.ops` registers the ops."""
