"""What arrives is what was signed: the libraries of GitHub and Stripe accept it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from stripe import StripeError, WebhookSignature

from tests.kit import node

if TYPE_CHECKING:
    from tests.kit.hook_target import HookTarget, TakenRequest
    from tests.plugins.mirror.conftest import Site
    from tests.plugins.mirror.listen.conftest import Listen

SECRET = "whsec_of the service"
BODY = '{"sum": 12.50,\r\n "who": "Zoë"}'.encode()


def octokit(call: str, **given: str) -> object:
    """What `@octokit/webhooks-methods` of GitHub returns."""
    script = (
        'import { sign, verify } from "@octokit/webhooks-methods";'
        "const { secret, body, signature } = JSON.parse(process.argv.at(-1));"
        f"console.log(JSON.stringify(await {call}));"
    )
    asked = json.dumps({"secret": SECRET, **given})
    done = node.run("node", "--input-type=module", "--eval", script, asked, folder="plugins/mirror")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sent_on(site: Site, listen: Listen, target: HookTarget, header: str, signature: str) -> TakenRequest:
    site.record("/github", BODY, headers=[(header, signature), ("Content-Type", "application/json")])
    assert listen().returncode == 0
    (request,) = target.requests
    return request


def test_it_may_be_signed_anew(site: Site, listen: Listen, target: HookTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    site.record("/stripe", BODY, headers=[("X-Other", "1"), ("Stripe-Signature", "t=1,v1=00")])
    assert listen("--scheme", "stripe", "--secret-env", "HOOK_SECRET").returncode == 0
    headers = dict(target.requests[0].headers)
    assert headers["X-Other"] == "1"
    assert WebhookSignature.verify_header(BODY.decode(), headers["Stripe-Signature"], SECRET, tolerance=300)
    assert target.requests[0].body == BODY


def test_a_secret_that_is_no_key_is_told(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_%")
    done = listen("--scheme", "standard-webhooks", "--secret-env", "HOOK_SECRET")
    assert (done.returncode, done.stdout) == (2, "")
    assert "whsec_%" not in done.stderr


def test_github_accepts_what_arrives(site: Site, listen: Listen, target: HookTarget) -> None:
    signature = octokit("sign(secret, body)", body=BODY.decode())
    request = sent_on(site, listen, target, "X-Hub-Signature-256", str(signature))
    arrived = {"body": request.body.decode(), "signature": dict(request.headers)["X-Hub-Signature-256"]}
    assert octokit("verify(secret, body, signature)", **arrived) is True


def test_stripe_accepts_what_arrives(site: Site, listen: Listen, target: HookTarget) -> None:
    now = int(time.time())
    signature = WebhookSignature._compute_signature(f"{now}.{BODY.decode()}", SECRET)
    request = sent_on(site, listen, target, "Stripe-Signature", f"t={now},v1={signature}")
    header = dict(request.headers)["Stripe-Signature"]
    assert WebhookSignature.verify_header(request.body.decode(), header, SECRET, tolerance=300)
    with pytest.raises(StripeError):
        WebhookSignature.verify_header(request.body.decode() + " ", header, SECRET, tolerance=300)
