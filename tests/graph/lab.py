"""The lab's tenant for scripts: starts it, turns its knobs, asks its login endpoint. Standard library alone."""

import json
import subprocess
import urllib.parse
import urllib.request

APP = "11111111-1111-1111-1111-111111111111"
SECRET = "lab-secret"
TENANT = "contoso.onmicrosoft.com"
EMS = "efccb6f7-5641-4e0e-bd10-b4976e1bf68e"


class Lab:
    """A tenant of the lab that ends with the block it is used in."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, "tenant", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
        )
        said = self.process.stdout.readline()
        if not said.startswith("listening on "):
            raise RuntimeError(f"the lab did not start: {said!r}")
        self.url = said.removeprefix("listening on ").strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=10)

    def control(self, method, path, body=None):
        """Calls the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/lab{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def token(self):
        """A token and how many seconds it lives."""
        form = urllib.parse.urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": APP,
                "client_secret": SECRET,
                "scope": "https://graph.microsoft.com/.default",
            }
        )
        with urllib.request.urlopen(f"{self.url}/{TENANT}/oauth2/v2.0/token", form.encode(), timeout=10) as answer:
            granted = json.load(answer)
        return granted["access_token"], granted["expires_in"]
