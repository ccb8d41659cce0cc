import {
  DescribeExecutionCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';

export type Liveness = 'running' | 'dead';

export interface States {
  /** `dead` also when there is no such execution (its history is gone after 90 days). */
  liveness(executionArn: string): Promise<Liveness>;
  /** Stopping what is not running, or not there, is no error. */
  stop(executionArn: string, cause: string): Promise<void>;
  /** `nobody waits` when the task was answered, has timed out, or is gone: the next wait begins with a read. */
  answer(taskToken: string, output: unknown): Promise<'answered' | 'nobody waits'>;
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

export const createStates = ({ client }: { readonly client: Pick<SFNClient, 'send'> }): States => ({
  async liveness(executionArn) {
    try {
      const { status } = await client.send(new DescribeExecutionCommand({ executionArn }));
      return status === 'RUNNING' || status === 'PENDING_REDRIVE' ? 'running' : 'dead';
    } catch (error) {
      if (nameOf(error) === 'ExecutionDoesNotExist') return 'dead';
      throw error;
    }
  },

  async stop(executionArn, cause) {
    try {
      await client.send(new StopExecutionCommand({ executionArn, error: 'Superseded', cause }));
    } catch (error) {
      if (!['ExecutionDoesNotExist', 'ValidationException'].includes(nameOf(error))) throw error;
    }
  },

  async answer(taskToken, output) {
    try {
      await client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }));
      return 'answered';
    } catch (error) {
      if (['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'].includes(nameOf(error))) return 'nobody waits';
      throw error;
    }
  },
});

export const createStatesClient = (): SFNClient => new SFNClient({});
