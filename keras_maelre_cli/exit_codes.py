"""What a command returns to the shell."""

OK = 0
SOME_FAILED = 1
# That of argparse, too.
REFUSED = 2
INTERRUPTED = 130
