// Numbers of the members of the platform's types in protobuf (spec kubernetes-api 1.4). They are
// part of the wire format and never change.
#include "controller/apiserver/surface/protobuf_table.h"

namespace rekindle::apiserver {

// `member=NUMBER`; `member=A.B` is member B of the message in A, which JSON shows without A
// between. A star: an absent member and its zero are two things (a pointer at home).
absl::string_view ProtobufNumbers() {
  return R"numbers(
package io.k8s.apimachinery.pkg.apis.meta.v1
ObjectMeta: name=1 generateName=2 namespace=3 selfLink=4 uid=5 resourceVersion=6 generation=7
  creationTimestamp=8 deletionTimestamp=9 deletionGracePeriodSeconds*=10 labels=11
  annotations=12 ownerReferences=13 finalizers=14 managedFields=17
OwnerReference: apiVersion=5 kind=1 name=3 uid=4 controller*=6 blockOwnerDeletion*=7
ManagedFieldsEntry: manager=1 operation=2 apiVersion=3 time=4 fieldsType=6 fieldsV1=7
  subresource=8
LabelSelector: matchLabels=1 matchExpressions=2
LabelSelectorRequirement: key=1 operator=2 values=3
Condition: type=1 status=2 observedGeneration=3 lastTransitionTime=4 reason=5 message=6
package io.k8s.api.core.v1
Namespace: metadata=1 spec=2 status=3
NamespaceSpec: finalizers=1
NamespaceStatus: phase=1 conditions=2
NamespaceCondition: type=1 status=2 lastTransitionTime=4 reason=5 message=6
ServiceAccount: metadata=1 secrets=2 imagePullSecrets=3 automountServiceAccountToken*=4
ConfigMap: metadata=1 data=2 binaryData=3 immutable*=4
Secret: metadata=1 data=2 stringData=4 type=3 immutable*=5
Event: metadata=1 involvedObject=2 reason=3 message=4 source=5 firstTimestamp=6 lastTimestamp=7
  count=8 type=9 eventTime=10 series=11 action=12 related=13 reportingComponent=14
  reportingInstance=15
EventSource: component=1 host=2
EventSeries: count=1 lastObservedTime=2
ObjectReference: kind=1 namespace=2 name=3 uid=4 apiVersion=5 resourceVersion=6 fieldPath=7
LocalObjectReference: name=1
TypedLocalObjectReference: apiGroup*=1 kind=2 name=3
TypedObjectReference: apiGroup*=1 kind=2 name=3 namespace*=4
Service: metadata=1 spec=2 status=3
ServiceSpec: ports=1 selector=2 clusterIP=3 clusterIPs=18 type=4 externalIPs=5 sessionAffinity=7
  sessionAffinityConfig=14 loadBalancerIP=8 loadBalancerSourceRanges=9 loadBalancerClass*=21
  externalName=10 externalTrafficPolicy=11 internalTrafficPolicy*=22 healthCheckNodePort=12
  publishNotReadyAddresses=13 ipFamilies=19 ipFamilyPolicy*=17 allocateLoadBalancerNodePorts*=20
  trafficDistribution*=23
ServicePort: name=1 protocol=2 appProtocol*=6 port=3 targetPort=4 nodePort=5
SessionAffinityConfig: clientIP=1
ClientIPConfig: timeoutSeconds*=1
ServiceStatus: loadBalancer=1 conditions=2
Node: metadata=1 spec=2 status=3
NodeSpec: podCIDR=1 podCIDRs=7 providerID=3 unschedulable=4 taints=5 externalID=2
Taint: key=1 value=2 effect=3 timeAdded=4
NodeStatus: capacity=1 allocatable=2 phase=3 conditions=4 addresses=5 daemonEndpoints=6
  nodeInfo=7 images=8 volumesInUse=9 volumesAttached=10
NodeCondition: type=1 status=2 lastHeartbeatTime=3 lastTransitionTime=4 reason=5 message=6
NodeAddress: type=1 address=2
NodeDaemonEndpoints: kubeletEndpoint=1
DaemonEndpoint: Port=1
NodeSystemInfo: machineID=1 systemUUID=2 bootID=3 kernelVersion=4 osImage=5
  containerRuntimeVersion=6 kubeletVersion=7 kubeProxyVersion=8 operatingSystem=9
  architecture=10
ContainerImage: names=1 sizeBytes=2
AttachedVolume: name=1 devicePath=2
PersistentVolumeClaim: metadata=1 spec=2 status=3
PersistentVolumeClaimSpec: accessModes=1 selector=4 resources=2 volumeName=3 storageClassName*=5
  volumeMode*=6 dataSource=7 dataSourceRef=8 volumeAttributesClassName*=9
VolumeResourceRequirements: limits=1 requests=2
PersistentVolumeClaimStatus: phase=1 accessModes=2 capacity=3 conditions=4 allocatedResources=5
  allocatedResourceStatuses=7 currentVolumeAttributesClassName*=8
PersistentVolumeClaimCondition: type=1 status=2 lastProbeTime=3 lastTransitionTime=4 reason=5
  message=6
PersistentVolumeClaimTemplate: metadata=1 spec=2
Pod: metadata=1 spec=2 status=3
PodTemplate: metadata=1 template=2
PodTemplateSpec: metadata=1 spec=2
PodSpec: volumes=1 initContainers=20 containers=2 ephemeralContainers=34 restartPolicy=3
  terminationGracePeriodSeconds*=4 activeDeadlineSeconds*=5 dnsPolicy=6 nodeSelector=7
  serviceAccountName=8 serviceAccount=9 automountServiceAccountToken*=21 nodeName=10
  hostNetwork=11 hostPID=12 hostIPC=13 hostUsers*=37 shareProcessNamespace*=27
  securityContext=14 imagePullSecrets=15 hostname=16 subdomain=17 setHostnameAsFQDN*=35
  affinity=18 schedulerName=19 tolerations=22 hostAliases=23 priorityClassName=24 priority*=25
  preemptionPolicy*=31 dnsConfig=26 readinessGates=28 runtimeClassName*=29
  enableServiceLinks*=30 overhead=32 topologySpreadConstraints=33 os=36 schedulingGates=38
  resourceClaims=39 resources=40
PodOS: name=1
PodSchedulingGate: name=1
PodResourceClaim: name=1 resourceClaimName*=3 resourceClaimTemplateName*=4
PodReadinessGate: conditionType=1
HostAlias: ip=1 hostnames=2
Toleration: key=1 operator=2 value=3 effect=4 tolerationSeconds*=5
TopologySpreadConstraint: maxSkew=1 topologyKey=2 whenUnsatisfiable=3 labelSelector=4
  minDomains*=5 nodeAffinityPolicy*=6 nodeTaintsPolicy*=7 matchLabelKeys=8
PodDNSConfig: nameservers=1 searches=2 options=3
PodDNSConfigOption: name=1 value*=2
PodSecurityContext: seLinuxOptions=1 windowsOptions=8 runAsUser*=2 runAsGroup*=6 runAsNonRoot*=3
  supplementalGroups=4 supplementalGroupsPolicy*=12 fsGroup*=5 fsGroupChangePolicy*=9 sysctls=7
  seccompProfile=10 appArmorProfile=11
Sysctl: name=1 value=2
Container: name=1 image=2 command=3 args=4 workingDir=5 ports=6 envFrom=19 env=7 resources=8
  resizePolicy=23 restartPolicy*=24 volumeMounts=9 volumeDevices=21 livenessProbe=10
  readinessProbe=11 startupProbe=22 lifecycle=12 terminationMessagePath=13
  terminationMessagePolicy=20 imagePullPolicy=14 securityContext=15 stdin=16 stdinOnce=17 tty=18
EphemeralContainer: name=1.1 targetContainerName=2 image=1.2 command=1.3 args=1.4 workingDir=1.5
  ports=1.6 envFrom=1.19 env=1.7 resources=1.8 resizePolicy=1.23 restartPolicy*=1.24
  volumeMounts=1.9 volumeDevices=1.21 livenessProbe=1.10 readinessProbe=1.11 startupProbe=1.22
  lifecycle=1.12 terminationMessagePath=1.13 terminationMessagePolicy=1.20 imagePullPolicy=1.14
  securityContext=1.15 stdin=1.16 stdinOnce=1.17 tty=1.18
ContainerPort: name=1 hostPort=2 containerPort=3 protocol=4 hostIP=5
EnvVar: name=1 value=2 valueFrom=3
EnvVarSource: fieldRef=1 resourceFieldRef=2 configMapKeyRef=3 secretKeyRef=4
ObjectFieldSelector: apiVersion=1 fieldPath=2
ResourceFieldSelector: containerName=1 resource=2 divisor=3
ConfigMapKeySelector: name=1.1 key=2 optional*=3
SecretKeySelector: name=1.1 key=2 optional*=3
EnvFromSource: prefix=1 configMapRef=2 secretRef=3
ConfigMapEnvSource: name=1.1 optional*=2
SecretEnvSource: name=1.1 optional*=2
ResourceRequirements: limits=1 requests=2 claims=3
ResourceClaim: name=1 request=2
ContainerResizePolicy: resourceName=1 restartPolicy=2
VolumeMount: name=1 mountPath=3 subPath=4 subPathExpr=6 readOnly=2 recursiveReadOnly*=7
  mountPropagation*=5
VolumeDevice: name=1 devicePath=2
Probe: exec=1.1 httpGet=1.2 tcpSocket=1.3 grpc=1.4 initialDelaySeconds=2 timeoutSeconds=3
  periodSeconds=4 successThreshold=5 failureThreshold=6 terminationGracePeriodSeconds*=7
Lifecycle: postStart=1 preStop=2 stopSignal*=3
LifecycleHandler: exec=1 httpGet=2 tcpSocket=3 sleep=4
SleepAction: seconds=1
ExecAction: command=1
HTTPGetAction: path=1 port=2 host=3 scheme=4 httpHeaders=5
HTTPHeader: name=1 value=2
TCPSocketAction: port=1 host=2
GRPCAction: port=1 service*=2
SecurityContext: capabilities=1 privileged*=2 seLinuxOptions=3 windowsOptions=10 runAsUser*=4
  runAsGroup*=8 runAsNonRoot*=5 readOnlyRootFilesystem*=6 allowPrivilegeEscalation*=7
  procMount*=9 seccompProfile=11 appArmorProfile=12
SELinuxOptions: user=1 role=2 type=3 level=4
WindowsSecurityContextOptions: gmsaCredentialSpecName*=1 gmsaCredentialSpec*=2 runAsUserName*=3
  hostProcess*=4
SeccompProfile: type=1 localhostProfile*=2
AppArmorProfile: type=1 localhostProfile*=2
Capabilities: add=1 drop=2
Volume: name=1 hostPath=2.1 emptyDir=2.2 secret=2.6 configMap=2.19 downwardAPI=2.16
  projected=2.26 persistentVolumeClaim=2.10 ephemeral=2.29 nfs=2.7 csi=2.28 image=2.30
HostPathVolumeSource: path=1 type*=2
EmptyDirVolumeSource: medium=1 sizeLimit=2
KeyToPath: key=1 path=2 mode*=3
SecretVolumeSource: secretName=1 items=2 defaultMode*=3 optional*=4
ConfigMapVolumeSource: name=1.1 items=2 defaultMode*=3 optional*=4
DownwardAPIVolumeSource: items=1 defaultMode*=2
DownwardAPIVolumeFile: path=1 fieldRef=2 resourceFieldRef=3 mode*=4
ProjectedVolumeSource: sources=1 defaultMode*=2
VolumeProjection: secret=1 configMap=3 downwardAPI=2 serviceAccountToken=4
SecretProjection: name=1.1 items=2 optional*=4
ConfigMapProjection: name=1.1 items=2 optional*=4
DownwardAPIProjection: items=1
ServiceAccountTokenProjection: audience=1 expirationSeconds*=2 path=3
PersistentVolumeClaimVolumeSource: claimName=1 readOnly=2
EphemeralVolumeSource: volumeClaimTemplate=1
NFSVolumeSource: server=1 path=2 readOnly=3
CSIVolumeSource: driver=1 readOnly*=2 fsType*=3 volumeAttributes=4 nodePublishSecretRef=5
ImageVolumeSource: reference=1 pullPolicy=2
Affinity: nodeAffinity=1 podAffinity=2 podAntiAffinity=3
NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution=1
  preferredDuringSchedulingIgnoredDuringExecution=2
NodeSelector: nodeSelectorTerms=1
NodeSelectorTerm: matchExpressions=1 matchFields=2
NodeSelectorRequirement: key=1 operator=2 values=3
PreferredSchedulingTerm: weight=1 preference=2
PodAffinity: requiredDuringSchedulingIgnoredDuringExecution=1
  preferredDuringSchedulingIgnoredDuringExecution=2
PodAntiAffinity: requiredDuringSchedulingIgnoredDuringExecution=1
  preferredDuringSchedulingIgnoredDuringExecution=2
PodAffinityTerm: labelSelector=1 namespaces=2 topologyKey=3 namespaceSelector=4 matchLabelKeys=5
  mismatchLabelKeys=6
WeightedPodAffinityTerm: weight=1 podAffinityTerm=2
PodStatus: observedGeneration=17 phase=1 conditions=2 message=3 reason=4 nominatedNodeName=11
  hostIP=5 hostIPs=16 podIP=6 podIPs=12 startTime=7 initContainerStatuses=10 containerStatuses=8
  qosClass=9 ephemeralContainerStatuses=13 resize=14 resourceClaimStatuses=15
HostIP: ip=1
PodIP: ip=1
PodResourceClaimStatus: name=1 resourceClaimName*=2
PodCondition: type=1 observedGeneration=7 status=2 lastProbeTime=3 lastTransitionTime=4 reason=5
  message=6
ContainerStatus: name=1 state=2 lastState=3 ready=4 restartCount=5 image=6 imageID=7
  containerID=8 started*=9 allocatedResources=10 resources=11
ContainerState: waiting=1 running=2 terminated=3
ContainerStateWaiting: reason=1 message=2
ContainerStateRunning: startedAt=1
ContainerStateTerminated: exitCode=1 signal=2 reason=3 message=4 startedAt=5 finishedAt=6
  containerID=7
package io.k8s.api.apps.v1
StatefulSet: metadata=1 spec=2 status=3
StatefulSetSpec: replicas*=1 selector=2 template=3 volumeClaimTemplates=4 serviceName=5
  podManagementPolicy=6 updateStrategy=7 revisionHistoryLimit*=8 minReadySeconds=9
  persistentVolumeClaimRetentionPolicy=10 ordinals=11
StatefulSetUpdateStrategy: type=1 rollingUpdate=2
RollingUpdateStatefulSetStrategy: partition*=1 maxUnavailable=2
StatefulSetPersistentVolumeClaimRetentionPolicy: whenDeleted=1 whenScaled=2
StatefulSetOrdinals: start=1
StatefulSetStatus: observedGeneration=1 replicas=2 readyReplicas=3 currentReplicas=4
  updatedReplicas=5 currentRevision=6 updateRevision=7 collisionCount*=9 conditions=10
  availableReplicas=11
StatefulSetCondition: type=1 status=2 lastTransitionTime=3 reason=4 message=5
ControllerRevision: metadata=1 data=2 revision=3
package io.k8s.api.policy.v1
PodDisruptionBudget: metadata=1 spec=2 status=3
PodDisruptionBudgetSpec: minAvailable=1 selector=2 maxUnavailable=3
  unhealthyPodEvictionPolicy*=4
PodDisruptionBudgetStatus: observedGeneration=1 disruptedPods=2 disruptionsAllowed=3
  currentHealthy=4 desiredHealthy=5 expectedPods=6 conditions=7
package io.k8s.api.coordination.v1
Lease: metadata=1 spec=2
LeaseSpec: holderIdentity*=1 leaseDurationSeconds*=2 acquireTime=3 renewTime=4
  leaseTransitions*=5 strategy*=6 preferredHolder*=7
package io.k8s.api.authorization.v1
SelfSubjectAccessReview: metadata=1 spec=2 status=3
SelfSubjectAccessReviewSpec: resourceAttributes=1 nonResourceAttributes=2
ResourceAttributes: namespace=1 verb=2 group=3 version=4 resource=5 subresource=6 name=7
NonResourceAttributes: path=1 verb=2
SubjectAccessReviewStatus: allowed=1 denied=4 reason=2 evaluationError=3
SelfSubjectRulesReview: metadata=1 spec=2 status=3
SelfSubjectRulesReviewSpec: namespace=1
SubjectRulesReviewStatus: resourceRules=1 nonResourceRules=2 incomplete=3 evaluationError=4
ResourceRule: verbs=1 apiGroups=2 resources=3 resourceNames=4
NonResourceRule: verbs=1 nonResourceURLs=2
package io.k8s.api.authentication.v1
SelfSubjectReview: metadata=1 status=2
SelfSubjectReviewStatus: userInfo=1
UserInfo: username=1 uid=2 groups=3 extra=4
TokenRequest: metadata=1 spec=2 status=3
TokenRequestSpec: audiences=1 expirationSeconds*=4 boundObjectRef=3
BoundObjectReference: kind=1 apiVersion=2 name=3 uid=4
TokenRequestStatus: token=1 expirationTimestamp=2
package io.k8s.api.policy.v1
Eviction: metadata=1 deleteOptions=2
package io.k8s.api.autoscaling.v1
Scale: metadata=1 spec=2 status=3
ScaleSpec: replicas=1
ScaleStatus: replicas=1 selector=2
package io.k8s.api.core.v1
Binding: metadata=1 target=2
package io.k8s.apimachinery.pkg.apis.meta.v1
DeleteOptions: gracePeriodSeconds*=1 preconditions=2 orphanDependents*=3 propagationPolicy*=4
  dryRun=5 ignoreStoreReadErrorWithClusterBreakingPotential*=6
Preconditions: uid*=1 resourceVersion*=2
)numbers";
}

}  // namespace rekindle::apiserver
