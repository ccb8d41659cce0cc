import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './machine.ts';

/** A UDP packet as it was on the wire. */
export interface Packet {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly payload: Buffer;
}

/** tcpdump on this device from now on; the function ends it and gives what it saw. */
export async function capture(device: string): Promise<() => Promise<readonly Packet[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-capture-'));
  const file = join(folder, 'packets');
  const tcpdump = spawn(
    'tcpdump',
    ['-i', device, '-n', '--immediate-mode', '-U', '-Z', 'root', '-w', file, 'udp'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  tcpdump.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  await until('tcpdump listens', () => said.includes('listening on'));
  return async () => {
    const ended = once(tcpdump, 'exit');
    tcpdump.kill('SIGINT');
    await ended;
    const packets = packetsIn(readFileSync(file));
    rmSync(folder, { recursive: true });
    return packets;
  };
}

/** Of a pcap file of this computer's own making: little-endian, Ethernet, IPv4 in packets that are not fragments. */
function packetsIn(file: Buffer): readonly Packet[] {
  const packets: Packet[] = [];
  let at = 24;
  while (at + 16 <= file.length) {
    const length = file.readUInt32LE(at + 8);
    const frame = file.subarray(at + 16, at + 16 + length);
    at += 16 + length;
    if (frame.readUInt16BE(12) !== 0x0800) continue;
    const header = frame.subarray(14);
    const udp = header.subarray(((header[0] ?? 0) & 0x0f) * 4);
    packets.push({
      from: header.subarray(12, 16).join('.'),
      to: header.subarray(16, 20).join('.'),
      port: udp.readUInt16BE(2),
      payload: udp.subarray(8),
    });
  }
  return packets;
}
