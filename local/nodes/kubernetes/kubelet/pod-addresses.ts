/** The addresses of one node's pods, out of the range that the cluster gave it. */
export interface PodAddresses {
  /** The pod's own, or the next that is free; undefined: there is no range yet, or it is used up. */
  take(pod: string): string | undefined;
  /** The pod has this one since before. */
  keep(pod: string, address: string): void;
  release(pod: string): void;
}

/** .0 is the network, .1 the node's own end, .255 reaches all. */
const hosts = { first: 2, last: 254 } as const;

/** @param range `10.217.3.0/24`; undefined: not given yet */
export function openPodAddresses(range: () => string | undefined): PodAddresses {
  const byPod = new Map<string, string>();
  const taken = new Set<string>();
  let next: number = hosts.first;
  return {
    take: (pod) => {
      const [, base] = /^(\d+\.\d+\.\d+)\.0\/24$/.exec(range() ?? '') ?? [];
      if (base === undefined) return undefined;
      const known = byPod.get(pod);
      if (known !== undefined) return known;
      // Round and round: an address that was just left is not given to another at once.
      for (let tries = hosts.first; tries <= hosts.last; tries += 1) {
        const address = `${base}.${next}`;
        next = next === hosts.last ? hosts.first : next + 1;
        if (taken.has(address)) continue;
        taken.add(address);
        byPod.set(pod, address);
        return address;
      }
      return undefined;
    },
    keep: (pod, address) => {
      taken.add(address);
      byPod.set(pod, address);
    },
    release: (pod) => {
      const address = byPod.get(pod);
      if (address !== undefined) taken.delete(address);
      byPod.delete(pod);
    },
  };
}
