"""Opens every page of the built site in a headless browser, and takes pictures of it.

    make docs
    .venv-docs/bin/pip install playwright
    .venv-docs/bin/python docs/look.py --chromium /usr/bin/chromium

On a desktop and on a phone, light and dark: an error in the console, a file that is
missing or that another host is asked for, and a page wider than the screen are printed,
and the exit code is 1. The pictures lie in `build/screenshots`: look at them.
"""

import argparse
import functools
import http.server
import pathlib
import threading

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
SITE, PICTURES = ROOT / "build" / "site", ROOT / "build" / "screenshots"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def serve(folder):
    """Returns the address at which a folder is served until the process ends."""
    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def look(page, address, url, picture):
    """Opens a page, takes its picture and returns what is wrong with it."""
    wrong = []
    page.on("console", lambda m: m.type == "error" and wrong.append(m.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((address, "data:", "blob:"))
            or wrong.append(f"asks for {request.url}")
        ),
    )
    page.goto(address + url, wait_until="networkidle")
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wider > 0:
        wrong.append(f"{wider} pixels wider than the screen")
    page.screenshot(path=picture)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chromium", help="default: the one that playwright installed")
    args = parser.parse_args()
    address, failed = serve(SITE), False
    PICTURES.mkdir(parents=True, exist_ok=True)
    urls = sorted(
        path.parent.relative_to(SITE).as_posix() for path in SITE.rglob("index.html")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=args.chromium, args=["--no-sandbox"]
        )
        for name, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                for url in urls:
                    url = "" if url == "." else f"{url}/"
                    stem = url.strip("/").replace("/", "_") or "home"
                    picture = PICTURES / f"{stem}_{name}_{scheme}.png"
                    page = context.new_page()
                    for fault in look(page, address, url, picture):
                        print(f"/{url} ({name}, {scheme}): {fault}")
                        failed = True
                    page.close()
                context.close()
        browser.close()
    print(f"{len(urls)} pages, {len(SIZES) * 2} pictures of each in {PICTURES}")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
