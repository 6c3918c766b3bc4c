"""A TCP proxy that hands bytes on in pieces, or stops doing so."""
import socket
import threading

from support.ports import free_port


class SlowProxy:
    def __init__(self, port, piece=None, close_after=None):
        """piece: bytes at a time; close_after: that many from the client."""
        self.target = port
        self.piece = piece
        self.close_after = close_after
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.sockets += [client, server]
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, daemon=True,
                                 args=(source, sink, source is client)).start()

    def _pump(self, source, sink, from_client):
        seen = 0
        try:
            while chunk := source.recv(1 << 16):
                seen += len(chunk)
                if from_client and self.close_after and (
                        seen >= self.close_after):
                    break
                step = self.piece or len(chunk)
                for at in range(0, len(chunk), step):
                    sink.sendall(chunk[at:at + step])
        except OSError:
            pass
        self._shut(source)
        self._shut(sink)

    @staticmethod
    def _shut(each):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def stop(self):
        for each in self.sockets:
            self._shut(each)
            each.close()
