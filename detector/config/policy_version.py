"""Names the policy that an incident was judged and handled by: it can be told after the settings have changed."""

import json
from hashlib import blake2b

from detector.config.model import Config


def policy_version(config: Config) -> str:
    """Eight hexadecimal digits over the sections `judging` and `response` and the settings that decide what is done.

    Secrets are not part of it: the configuration only says where they stand.
    """
    judging = config.judging.model_dump(mode="json")
    judging["silent_groups"] = sorted(judging["silent_groups"])
    decided = [config.mode, config.observe, judging, config.response.model_dump(mode="json")]
    return blake2b(json.dumps(decided, sort_keys=True).encode(), digest_size=4).hexdigest()
