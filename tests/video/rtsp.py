"""A camera in a network, as far as tests need one: RTSP (RFC 2326), everything through the one connection."""

import io
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import av

PACKET = 7 * 188  # bytes of a transport stream that go into one RTP packet
CLOCK = 90_000  # ticks a second of RTP's time stamps
OFFER = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:all\r\n"
ANSWERS = {
    "OPTIONS": ("200 OK", ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"], ""),
    "DESCRIBE": ("200 OK", ["Content-Type: application/sdp", f"Content-Length: {len(OFFER)}"], OFFER),
    "SETUP": ("200 OK", ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"], ""),
    "PLAY": ("200 OK", ["Session: 1"], ""),
}


@contextmanager
def camera(video: Path) -> Iterator[str]:
    """The address of a stream that is a video, sent at its own pace to whoever asks."""
    stream, seconds = _transport_stream(video)

    class Camera(StreamRequestHandler):
        def handle(self) -> None:
            while request := self.rfile.readline().decode().split():
                fields = {}
                while line := self.rfile.readline().decode().strip():
                    name, fields[name] = line.split(": ", 1)
                status, told, body = ANSWERS[request[0]]
                if "UDP" in fields.get("Transport", ""):
                    status, told = "461 Unsupported Transport", []
                head = [f"RTSP/1.0 {status}", f"CSeq: {fields['CSeq']}", *told]
                self.wfile.write(("\r\n".join(head) + "\r\n\r\n" + body).encode())
                if request[0] == "PLAY":
                    self.send()
                    return

        def send(self) -> None:
            began = time.monotonic()
            for number, start in enumerate(range(0, len(stream), PACKET)):
                due = seconds * start / len(stream)
                time.sleep(max(0, began + due - time.monotonic()))
                packet = struct.pack(">BBHII", 2 << 6, 33, number, round(due * CLOCK), 1) + stream[start:][:PACKET]
                self.wfile.write(b"$\0" + struct.pack(">H", len(packet)) + packet)

    with ThreadingTCPServer(("127.0.0.1", 0), Camera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"rtsp://127.0.0.1:{server.server_address[1]}/camera"
        finally:
            server.shutdown()


def _transport_stream(video: Path) -> tuple[bytes, float]:
    """A video's pictures as a transport stream, and how many seconds it takes."""
    written = io.BytesIO()
    with av.open(str(video)) as read, av.open(written, "w", format="mpegts") as out:
        pictures = read.streams.video[0]
        copied = out.add_stream_from_template(pictures)
        for packet in read.demux(pictures):
            if packet.dts is not None:
                packet.stream = copied
                out.mux(packet)
        assert pictures.duration is not None and pictures.time_base is not None
        seconds = float(pictures.duration * pictures.time_base)
    return written.getvalue(), seconds
