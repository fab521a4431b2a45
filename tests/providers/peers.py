"""All adapters, each with what opens the far side of it: one line each."""

from portal.providers.sandbox import Sandbox
from tests.providers.harness_sandbox import sandbox_harness

PEERS = (
    (Sandbox(), sandbox_harness),
)  # fmt: skip
