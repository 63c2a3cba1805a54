/** The Kubernetes release whose types `types.json` holds. Apart from them: who needs only this need not load all that. */
export const observedRelease = 'v1.36.3';
