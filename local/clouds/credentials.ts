/**
 * The credentials that the simulators tell apart, whatever a cloud calls them: an access key's id, a token, a client's id.
 * Any other may do everything.
 */
export const revoked = 'revoked';
/** May look at everything that an observer needs, and is refused every change as its cloud refuses it. */
export const readOnly = 'read-only';
