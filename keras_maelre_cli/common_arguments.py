"""Arguments that several commands take."""

from keras_maelre_cli import argument_types as types


def add_batch_size(parser):
    parser.add_argument(
        "--batch-size",
        type=types.positive_integer,
        default=32,
        help="default: %(default)s",
    )


def add_text_column(parser):
    parser.add_argument(
        "--text",
        metavar="COLUMN",
        default="text",
        help="column of the texts of a table, default: %(default)s",
    )
