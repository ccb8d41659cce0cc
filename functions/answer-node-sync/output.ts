const charactersMax = 300;

/** The end of what a command printed says most. */
export const endOf = (output = ''): string => output.trim().slice(-charactersMax) || 'no reason given';
