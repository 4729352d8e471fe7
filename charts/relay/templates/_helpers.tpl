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
# A lost node's parts begin anew elsewhere after 15 s rather than Kubernetes' 5 minutes.
tolerations:
  {{- range $key := list "not-ready" "unreachable" }}
  - {key: node.kubernetes.io/{{ $key }}, operator: Exists, effect: NoExecute, tolerationSeconds: 15}
  {{- end }}
  {{- with .values.tolerations }}
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

{{/*
Replicas on nodes and in zones of their own, where there are such; takes their selector.
Not topologySpreadConstraints: with two keys those count no node that lacks one of the labels.
*/}}
{{- define "relay.apart" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      {{- range $key, $weight := dict "kubernetes.io/hostname" 100 "topology.kubernetes.io/zone" 50 }}
      - weight: {{ $weight }}
        podAffinityTerm:
          topologyKey: {{ $key }}
          labelSelector:
            matchLabels:
              {{- $.selector | nindent 14 }}
      {{- end }}
{{- end }}

{{- define "relay.turnURLs" -}}
{{- if .Values.turn.enabled -}}
{{- .Values.turn.urls | default (list (printf "turn:relay-turn.%s.svc:3478" .Release.Namespace)) | join "," -}}
{{- end -}}
{{- end }}
