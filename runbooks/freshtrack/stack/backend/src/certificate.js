// When the certificate that Caddy shows for the public name ends: read, not judged, so that one
// which nobody trusts is measured too.
import tls from "node:tls";

const EVERY_MS = 60_000;

export function watchCertificate({ site, proxy, metrics }) {
  if (!site || !proxy) return { stop() {} };
  const [host, port] = proxy.split(":");

  function read() {
    const socket = tls.connect({ host, port, servername: site, rejectUnauthorized: false });
    socket.setTimeout(5000, () => socket.destroy());
    socket.once("error", () => metrics.certificate.remove({ site }));
    socket.once("secureConnect", () => {
      const ends = Date.parse(socket.getPeerCertificate().valid_to) / 1000;
      if (Number.isFinite(ends)) metrics.certificate.set({ site }, ends);
      socket.end();
    });
  }

  // Caddy starts after this service, so the first answer comes a little later.
  const timers = [setTimeout(read, 5000), setInterval(read, EVERY_MS)];
  return { stop: () => timers.forEach(clearTimeout) };
}
