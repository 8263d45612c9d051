# rows: S26 S3
# tries: a socket, in a text that is put together when it runs
# expect: result EPERM
import base64

from strategy_runtime import BaseStrategy

TEXT = base64.b64decode(
    b"aW1wb3J0IHNvY2tldCwgZXJybm8KdHJ5OgogICAgc29ja2V0LnNvY2tldCgpCiAgICBzYWlkID0gIkRPTkUiCmV4Y2VwdCBPU0Vycm9yIGFzIGVycm9yOgogICAgc2FpZCA9IGVycm5vLmVycm9yY29kZVtlcnJvci5lcnJub10K"
)
SPACE = {}
exec(TEXT, SPACE)
print("RESULT", SPACE["said"])


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
