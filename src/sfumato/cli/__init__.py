"""The command line, one file per verb: ``main.py`` has the table."""
