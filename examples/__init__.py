"""How the ops are used in models that others wrote."""
