"""The services' own libraries, and published examples: either side accepts what the other signs."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from slack_sdk.signature import SignatureVerifier
from standardwebhooks.webhooks import Webhook
from stripe import StripeError, WebhookSignature

from reserve_mirror.signatures import SCHEMES, Scheme, SignedRequest, hmac_scheme, sign, verify
from tests.kit import node
from tests.kit.signature_faults import STANDARD_SECRET

SECRET = "whsec_of the service"
BODY = '{"sum":12.50,"who":"Zoë"}'.encode()
OCTOKIT = """
import { sign, verify } from "@octokit/webhooks-methods";
const { secret, body, signature } = JSON.parse(process.argv.at(-1));
console.log(JSON.stringify([await sign(secret, body), await verify(secret, body, signature)]));
"""


def signed(scheme: str, secret: str, now: int) -> dict[str, str]:
    return dict(sign(SCHEMES[scheme], secret, BODY, time=now, id="msg_1"))


def holds(scheme: str, secret: str, headers: dict[str, str], now: int) -> bool:
    return verify(SCHEMES[scheme], [secret], SignedRequest(list(headers.items()), BODY, now))["valid"]


def test_github() -> None:
    (own,) = signed("github", SECRET, 0).values()
    asked = json.dumps({"secret": SECRET, "body": BODY.decode(), "signature": own})
    done = node.run("node", "--input-type=module", "--eval", OCTOKIT, asked, folder="plugins/mirror")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [own, True]


def test_stripe() -> None:
    now = int(time.time())
    headers = signed("stripe", SECRET, now)
    assert WebhookSignature.verify_header(BODY.decode(), headers["Stripe-Signature"], SECRET, tolerance=300)
    with pytest.raises(StripeError):
        WebhookSignature.verify_header(BODY.decode(), headers["Stripe-Signature"], f"{SECRET} ", tolerance=300)
    signature = WebhookSignature._compute_signature(f"{now}.{BODY.decode()}", SECRET)
    assert holds("stripe", SECRET, {"stripe-signature": f"t={now},v1={signature}"}, now)


def test_slack() -> None:
    now = int(time.time())
    headers = signed("slack", SECRET, now)
    slack = SignatureVerifier(SECRET)
    assert slack.is_valid_request(BODY, headers)
    signature = slack.generate_signature(timestamp=str(now), body=BODY)
    assert signature == headers["X-Slack-Signature"]
    assert holds("slack", SECRET, headers, now)


def test_standard_webhooks() -> None:
    now = int(time.time())
    headers = signed("standard-webhooks", STANDARD_SECRET, now)
    webhook = Webhook(STANDARD_SECRET)
    assert webhook.verify(BODY, headers) == json.loads(BODY)
    own = webhook.sign(msg_id="msg_1", timestamp=datetime.fromtimestamp(now, UTC), data=BODY.decode())
    assert own == headers["webhook-signature"]
    assert holds("standard-webhooks", STANDARD_SECRET, headers, now)


# Of GitHub's and Slack's documentation, the specification of Standard Webhooks, a Shopify receiver, and RFC 4231 (4.3).
PUBLISHED: list[tuple[Scheme, str, bytes, int | None, list[tuple[str, str]]]] = [
    (
        SCHEMES["github"],
        "It's a Secret to Everybody",
        b"Hello, World!",
        None,
        [("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")],
    ),
    (
        SCHEMES["slack"],
        "8f742231b10e8888abcd99yyyzzz85a5",
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
        1531420618,
        [
            ("X-Slack-Request-Timestamp", "1531420618"),
            ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        ],
    ),
    (
        SCHEMES["standard-webhooks"],
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        1614265330,
        [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
    ),
    (
        SCHEMES["shopify"],
        "test-webhook-secret",
        b'{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}',
        None,
        [("X-Shopify-Hmac-Sha256", "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw=")],
    ),
    (
        hmac_scheme("X-Signature", "sha512"),
        "Jefe",
        b"what do ya want for nothing?",
        None,
        [
            (
                "x-signature",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            )
        ],
    ),
]


@pytest.mark.parametrize("example", PUBLISHED, ids=lambda example: example[0].name)
def test_a_published_example(example: tuple[Scheme, str, bytes, int | None, list[tuple[str, str]]]) -> None:
    scheme, secret, body, received, headers = example
    assert verify(scheme, [secret], SignedRequest(headers, body, received))["cause"] == "valid"
    again = sign(scheme, secret, body, time=received or 0, id="msg_p5jXN8AQM9LWM0D4loKWxJek")
    assert [value for _, value in again] == [value for _, value in headers]


def test_a_secret_that_is_no_key_signs_nothing() -> None:
    with pytest.raises(ValueError, match="a secret in base64, and this is none"):
        sign(SCHEMES["standard-webhooks"], "not; base64", BODY, time=1, id="1")
