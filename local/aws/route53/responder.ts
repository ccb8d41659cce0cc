import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { AUTHORITATIVE_ANSWER, decode, encode, type Packet } from 'dns-packet';
import type { Answer } from './answer.ts';

export interface Responder {
  /** On 127.0.0.1, UDP and TCP. */
  readonly port: number;
  close(): Promise<void>;
}

/** Source: RFC 1035, 4.1.1. */
const codes = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
/** Source: RFC 1035, 4.2.1: what goes into one datagram of old. */
const datagramBytesMax = 512;
const triesMax = 10;

/**
 * Answers DNS on one loopback port. Only what Route 53 would answer itself: it asks nobody else.
 *
 * @param options.port 0 takes any.
 * @throws when the port is taken.
 */
export async function startResponder(options: {
  readonly port: number;
  readonly answer: (question: { name: string; type: string }) => Promise<Answer>;
  readonly log: (line: string) => void;
}): Promise<Responder> {
  const { answer, log } = options;

  /** Undefined: nothing that could be answered. */
  const reply = async (message: Buffer, bytesMax: number): Promise<Buffer | undefined> => {
    let query: Packet;
    try {
      query = decode(message);
    } catch (error) {
      log(`not a DNS message: ${String(error)}`);
      return undefined;
    }
    const [question] = query.questions ?? [];
    if (query.type !== 'query') return undefined;
    const { code, records } =
      question === undefined || (query.questions?.length ?? 0) > 1
        ? { code: 'FORMERR' as const, records: [] }
        : await answer({ name: question.name, type: question.type });
    const packet: Packet = {
      type: 'response',
      id: query.id ?? 0,
      flags:
        codes[code] |
        (code === 'REFUSED' ? 0 : AUTHORITATIVE_ANSWER) |
        ((query.flags ?? 0) & recursionDesired),
      questions: query.questions ?? [],
      // What else may be in a zone is nobody's to ask for here.
      answers: records.flatMap(({ type, ttlSeconds, value }) =>
        type === 'A' || type === 'CNAME'
          ? [{ type, name: question?.name ?? '', ttl: ttlSeconds, data: value } as const]
          : [],
      ),
    };
    const encoded = encode(packet);
    if (encoded.length <= bytesMax) return encoded;
    return encode({ ...packet, answers: [], flags: (packet.flags ?? 0) | truncated });
  };

  for (let tries = 1; ; tries += 1) {
    try {
      return await open(options.port, reply, log);
    } catch (error) {
      // A free port for TCP may be taken for UDP: any other will do where none was named.
      if (options.port !== 0 || tries === triesMax) throw error;
    }
  }
}

/** Source: RFC 1035, 4.1.1, the bits TC and RD. */
const [truncated, recursionDesired] = [0x0200, 0x0100];

async function open(
  wanted: number,
  reply: (message: Buffer, bytesMax: number) => Promise<Buffer | undefined>,
  log: (line: string) => void,
): Promise<Responder> {
  const answerTo = (
    message: Buffer,
    bytesMax: number,
    send: (answered: Buffer | undefined) => void,
  ): void => {
    reply(message, bytesMax)
      .then(send)
      .catch((error: unknown) => {
        log(`BUG ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        send(undefined);
      });
  };
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const length = pending.readUInt16BE(0);
        const message = pending.subarray(2, 2 + length);
        pending = pending.subarray(2 + length);
        answerTo(message, 65_535, (answered) => {
          if (answered === undefined) socket.destroy();
          else socket.write(Buffer.concat([lengthOf(answered), answered]));
        });
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    tcp.once('error', reject);
    tcp.listen(wanted, '127.0.0.1', resolve);
  });
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (message, { address, port: from }) => {
    answerTo(message, datagramBytesMax, (answered) => {
      if (answered === undefined) return;
      udp.send(answered, from, address, (error) => {
        if (error !== null) log(`no answer to ${address}:${from}: ${error.message}`);
      });
    });
  });
  try {
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(port, '127.0.0.1', resolve);
    });
  } catch (error) {
    udp.close();
    await new Promise<void>((resolve) => tcp.close(() => resolve()));
    throw error;
  }
  return {
    port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]);
    },
  };
}

const lengthOf = ({ length }: Buffer): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(length);
  return bytes;
};
