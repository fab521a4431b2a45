"""What may stand in an address: anything else is no address of ours."""

from werkzeug.routing import BaseConverter


class PaymentId(BaseConverter):
    """128 bits in hex."""

    regex = "[0-9a-f]{32}"


class Name(BaseConverter):
    """The name of an adapter or a provider account."""

    regex = "[a-z0-9][a-z0-9_-]{0,63}"


CONVERTERS = {"payment": PaymentId, "name": Name}
