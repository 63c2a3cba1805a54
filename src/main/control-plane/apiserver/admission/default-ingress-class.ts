import { newestDefault } from '#main/control-plane/apiserver/admission/newest-default.ts';
import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import { ingressClasses } from '#shared/api/networking/ingress-class.ts';
import { ingresses } from '#shared/api/networking/ingress.ts';
import type { Ingress } from '#shared/api/types/networking-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

/** An ingress without a class gets the newest one that is marked as default. */
export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  handles: (operation, resource, subresource) =>
    operation === 'CREATE' && isSameKind(resource, ingresses) && subresource === '',
  admit({ object }, { objects }) {
    const ingress = object as Draft<Ingress>;
    if (ingress.spec?.ingressClassName !== undefined) return;
    if (ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
    const annotation = 'ingressclass.kubernetes.io/is-default-class';
    const chosen = newestDefault(objects.list(ingressClasses), [annotation]);
    if (chosen) (ingress.spec ??= {}).ingressClassName = chosen.metadata.name;
  },
};
