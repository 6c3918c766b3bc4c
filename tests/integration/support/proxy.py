"""A TCP proxy that slices, stalls and cuts what passes through it."""
import socket
import struct
import threading

from support.ports import free_port

RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero: close() sends a RST


class Proxy:
    """In front of a port on loopback. slice_bytes: the size of the pieces
    that are sent on, None for whatever comes."""

    def __init__(self, target_port, slice_bytes=None):
        self.target_port = target_port
        self.slice_bytes = slice_bytes
        self.port = free_port()
        self.naccepted = 0
        self.nbytes = 0
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._sockets = set()
        self._listener = None
        self._stopped = False
        self.open()

    def open(self):
        """Listens, again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,),
                         daemon=True).start()

    def shut(self):
        """Nobody listens any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def stall(self):
        """Nothing passes, and nothing is read: the sender's buffers fill."""
        self._flowing.clear()

    def flow(self):
        self._flowing.set()

    def cut(self, reset=False):
        """Ends every connection, by FIN or by RST."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        if reset:
            for each in sockets:
                self._linger(each)
        # Wakes the threads that read; those close.
        for each in sockets:
            self._end(each, socket.SHUT_RD if reset else socket.SHUT_RDWR)

    @staticmethod
    def _linger(sock):
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        except OSError:
            pass

    @staticmethod
    def _end(sock, how):
        try:
            sock.shutdown(how)
        except OSError:
            pass

    def stop(self):
        self._stopped = True
        self.flow()
        try:
            self.shut()
        except OSError:
            pass
        self.cut()

    def _accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            self.naccepted += 1
            try:
                target = socket.create_connection(
                    ("127.0.0.1", self.target_port), 5)
            except OSError:
                peer.close()
                continue
            target.settimeout(None)
            for sock in (peer, target):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets |= {peer, target}
            for ends in ((peer, target), (target, peer)):
                threading.Thread(target=self._pump, args=ends,
                                 daemon=True).start()

    def _pieces(self, data):
        step = self.slice_bytes or len(data)
        return (data[i:i + step] for i in range(0, len(data), step))

    def _pump(self, source, sink):
        try:
            while self._flowing.wait():
                data = source.recv(65536)
                self._flowing.wait()
                if not data:
                    break
                for piece in self._pieces(data):
                    sink.sendall(piece)
                self.nbytes += len(data)
        except OSError:
            pass
        self._forget(source, sink)

    def _forget(self, source, sink):
        """The first of the two threads says the end to the other side."""
        with self._lock:
            self._sockets -= {source, sink}
        for each in (source, sink):
            try:
                lingers = each.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER)
            except OSError:
                continue
            self._end(each, socket.SHUT_RD if lingers else socket.SHUT_RDWR)
        source.close()
