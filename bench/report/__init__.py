"""`python -m bench report`: pictures and one page from stored results."""
