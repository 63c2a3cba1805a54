import { ApiError } from '#shared/kube/errors.ts';

/** 422 without causes; upstream keeps what went wrong to itself, here it is the error's cause. */
export function unprocessable(why: string): ApiError {
  return new ApiError('Invalid', 'the server rejected our request due to an error in our request', {
    details: {},
    cause: new Error(why),
  });
}

/** An error that upstream does not translate becomes a 500 without a reason. */
export function unclassified(message: string): ApiError {
  return new ApiError('', message);
}
