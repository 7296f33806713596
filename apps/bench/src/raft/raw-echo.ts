/** Sends back what it is sent, over TCP: the other end of a round trip. */
import { type AddressInfo, createServer } from "node:net";

const server = createServer({ noDelay: true }, (socket) => {
  socket.pipe(socket);
  socket.on("error", () => undefined);
});
server.listen(0, "127.0.0.1", () => {
  process.send?.({ type: "listening", address: `${(server.address() as AddressInfo).port}` });
});
process.on("disconnect", () => process.exit(0));
