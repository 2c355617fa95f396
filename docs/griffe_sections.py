"""The sections of this project's docstrings that griffe takes for admonitions."""

import re

import griffe

TITLED = ("Example", "Reference")
EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


class Sections(griffe.Extension):
    """`Call arguments:` becomes a list of parameters, the others text with a title."""

    def on_object(self, *, obj, **kwargs):
        if obj.docstring is None:
            return
        # What griffe parsed is kept, so that the sections can be exchanged in place.
        sections = obj.docstring.parsed
        sections[:] = [_whole(section, obj.docstring) for section in sections]


def _whole(section, docstring):
    if section.kind is griffe.DocstringSectionKind.returns:
        # Nothing is annotated: a list of one nameless value says no more.
        return _titled("Returns", section.value[0].description)
    if section.kind is griffe.DocstringSectionKind.text:
        # With a blank line after it, a title is no section to griffe.
        section.value = EXAMPLE.sub(_title("Example"), section.value)
    if section.kind is not griffe.DocstringSectionKind.admonition:
        return section
    if section.title == "Call arguments":
        lines = section.value.description.splitlines()
        # The first line of a docstring is not what the others are indented by.
        text = "\n".join(["Called.", "", "Args:", *(f"    {line}" for line in lines)])
        arguments = griffe.Docstring(text, parent=docstring.parent)
        _, found = griffe.parse_google(arguments, warnings=False)
        found.title = "Call arguments:"
        for argument in found.value:
            # These are arguments of `call`, not of the constructor.
            argument.annotation = argument.value = None
        return found
    if section.title in TITLED:
        return _titled(section.title, section.value.description)
    return section


def _titled(title, text):
    return griffe.DocstringSectionText(f"{_title(title)}\n\n{text.strip()}")


def _title(words):
    return f'<span class="doc-section-title">{words}:</span>'
