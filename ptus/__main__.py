"""`python -m ptus`, the same as `ptus`."""

from ptus.cli import main

if __name__ == "__main__":
    main()
