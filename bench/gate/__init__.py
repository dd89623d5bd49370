"""`python -m bench gate`: is the working tree slower than the commit before it?"""
