/** A Kubernetes configuration object as it stands in a file. */
export interface KubernetesDocument {
  readonly apiVersion: string;
  readonly kind: string;
}

/** One file on a machine; the owner is root. */
export interface MachineFile {
  readonly path: string;
  /** Octal, four digits: `0600`. */
  readonly mode: '0600' | '0644';
  readonly content: string;
}

/** JSON is YAML, so no value needs quoting of its own and no bundle a YAML writer. Equal inputs give equal bytes. */
export const renderDocuments = (documents: readonly KubernetesDocument[]): string =>
  documents.map((document) => `${JSON.stringify(document, undefined, 2)}\n`).join('---\n');
