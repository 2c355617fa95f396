# PYTHON_ARGCOMPLETE_OK
"""`keras-maelre`: commands, errors, exit codes."""

import argparse
import contextlib
import os
import sys
import warnings

from keras_maelre_cli import checks, evaluate, explain, export, info, predict, train
from keras_maelre_cli.exit_codes import INTERRUPTED, OK, REFUSED

COMMANDS = (train, predict, evaluate, explain, export, info, checks)
EPILOG = """\
The backend is that of the environment variable KERAS_BACKEND. Results go to standard
output; progress, warnings and errors to standard error.

Exit codes: 0 done; 1 done, but some samples failed (or, of checks, something is
missing); 2 not done: a wrong argument, a damaged file, a package that is missing;
130 interrupted.

Tab completion: pip install "keras_maelre[completion]", and in the shell's start-up file
eval "$(register-python-argcomplete keras-maelre)"
"""


def main(argv=None):
    """Runs a command.

    Args:
        argv: List of strings, the arguments; those of the process by default.

    Returns:
        Integer, the exit code.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = make_parser()
    with contextlib.suppress(ImportError):
        import argcomplete

        argcomplete.autocomplete(parser)
    args = parser.parse_args(argv)
    args.argv = argv
    # TensorFlow, which Keras imports where it is installed, greets on standard error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with _short_warnings():
            return args.run(args)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Who read the output wants no more. Python would fail to flush it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (ImportError, OSError, TypeError, ValueError) as error:
        if args.traceback:
            raise
        print(f"keras-maelre {args.command}: error: {_text(error)}", file=sys.stderr)
        return REFUSED


def make_parser():
    """Returns the parser of all commands; nothing that it needs imports Keras."""
    parser = argparse.ArgumentParser(
        prog="keras-maelre",
        description="Train, use and look at classifiers of long texts, series, sounds "
        "and images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        summary = command.__doc__.partition("\n")[0]
        made = commands.add_parser(
            name,
            help=summary[0].lower() + summary[1:].rstrip("."),
            description=command.__doc__,
            epilog=f"example:\n{command.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(made)
        made.add_argument(
            "--traceback",
            action="store_true",
            help="show where in the program an error comes from",
        )
        made.set_defaults(run=command.run)
    return parser


def _text(error):
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


@contextlib.contextmanager
def _short_warnings():
    """Warnings are one line, without the place in the program."""

    def show(message, category, filename, lineno, file=None, line=None):
        print(f"warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.showwarning = show
        yield
