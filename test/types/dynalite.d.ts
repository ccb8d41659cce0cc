declare module 'dynalite' {
  import type { Server } from 'node:http';
  /** Creates an emulator of DynamoDB; milliseconds that a table spends in each transition. */
  const dynalite: (options?: {
    path?: string;
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }) => Server;
  export default dynalite;
}
