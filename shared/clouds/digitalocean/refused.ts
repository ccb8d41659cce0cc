import { invalid, Refused } from './client.ts';

/** A refusal that no step could explain is the request's fault. */
export const said = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof Refused ? invalid(error.message, error) : error;
  }
};
