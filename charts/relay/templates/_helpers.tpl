{{/* Labels of everything; takes a dict of root and component. */}}
{{- define "relay.labels" -}}
{{ include "relay.selector" . }}
app.kubernetes.io/part-of: relay
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "relay.selector" -}}
app.kubernetes.io/name: relay-{{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "relay.image" -}}
{{ .root.Values.image.registry }}/relay-{{ .part }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* What Pod Security "restricted" asks of a pod and of a container, and more. */}}
{{- define "relay.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "relay.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Placement of a Deployment's pods; takes a dict of root, component and values. */}}
{{- define "relay.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "relay.turnURLs" -}}
{{- if .Values.turn.enabled -}}
{{- .Values.turn.urls | default (list (printf "turn:relay-turn.%s.svc:3478" .Release.Namespace)) | join "," -}}
{{- end -}}
{{- end }}

{{/*
Heads of the objects that are of Relay's own kinds. Helm looks every kind up before it creates the
first object, and on a first install the kinds are among what it creates: there the objects come
as hooks, after the rest. Later they are objects of the release like any other, and Helm finds the
first ones under its own name. They stay on an uninstall, as the halls that need them do.
*/}}
{{- define "relay.ownKind" -}}
labels:
  {{- include "relay.labels" (dict "root" .root "component" "objects") | nindent 2 }}
annotations:
  helm.sh/resource-policy: keep
  meta.helm.sh/release-name: {{ .root.Release.Name }}
  meta.helm.sh/release-namespace: {{ .root.Release.Namespace }}
  {{- if not (.root.Capabilities.APIVersions.Has (printf "relay.dev/v1beta1/%s" .kind)) }}
  helm.sh/hook: post-install,post-upgrade
  helm.sh/hook-weight: "1"
  helm.sh/hook-delete-policy: before-hook-creation
  {{- end }}
{{- end }}
