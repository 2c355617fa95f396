"""Takes out of executed notebooks what libraries logged on the machine that ran them.

python docs/clean_notebooks.py guides/*.ipynb
"""

import json
import pathlib
import sys

for path in map(pathlib.Path, sys.argv[1:]):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = [
                output for output in cell["outputs"] if output.get("name") != "stderr"
            ]
    text = json.dumps(notebook, ensure_ascii=False, indent=1)
    path.write_text(f"{text}\n", encoding="utf-8")
