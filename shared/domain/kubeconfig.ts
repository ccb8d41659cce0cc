/** One named entry of a kubeconfig's lists. */
export interface KubeconfigEntry {
  readonly name: string;
  readonly [field: string]: unknown;
}

export interface Kubeconfig {
  readonly apiVersion: 'v1';
  readonly kind: 'Config';
  readonly clusters: readonly KubeconfigEntry[];
  readonly users: readonly KubeconfigEntry[];
  readonly contexts: readonly KubeconfigEntry[];
  readonly 'current-context': string;
}

/** How entries of ours are known again among a user's own: kubectl keeps extensions that it does not know. */
export const kubeconfigExtension = 'overcast.dev/cluster';
