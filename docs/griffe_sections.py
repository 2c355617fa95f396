"""The sections of this project's docstrings that griffe takes for admonitions."""

import griffe

TITLED = ("Example", "Reference")


class Sections(griffe.Extension):
    """`Call arguments:` becomes a list of parameters, the others text with a title."""

    def on_object(self, *, obj, **kwargs):
        if obj.docstring is None:
            return
        # What griffe parsed is kept, so that the sections can be exchanged in place.
        sections = obj.docstring.parsed
        sections[:] = [_whole(section, obj.docstring) for section in sections]


def _whole(section, docstring):
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
        title = f'<span class="doc-section-title">{section.title}:</span>'
        return griffe.DocstringSectionText(
            f"{title}\n\n{section.value.description.strip()}"
        )
    return section
