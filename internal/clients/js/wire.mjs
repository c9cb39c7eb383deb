// A wire to the shop's routers that can be cut: a TCP relay, whose connections are torn off as those of a phone in a
// tunnel, and which leads to the other router from then on.
import net from 'node:net';

// wire returns the address of a new one; from is the router it leads to first.
export async function wire(from, to) {
  let { hostname, port } = new URL(from);
  const open = new Set();
  const join = (a, b) => {
    open.add(a);
    a.pipe(b);
    a.on('error', () => {});
    a.on('close', () => {
      open.delete(a);
      b.destroy();
    });
  };
  const server = net.createServer((near) => {
    const far = net.connect(port, hostname);
    join(near, far);
    join(far, near);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  server.unref();
  const url = new URL(from);
  url.port = server.address().port;
  return {
    url: url.href,
    connections: () => open.size / 2,
    cut() {
      ({ hostname, port } = new URL(to));
      for (const socket of open) socket.destroy();
    },
  };
}
